/** Not a wrapper's to have: they belong to a constructor, or throw when they are read. */
const OWN = ['prototype', 'arguments', 'caller'];

/** `wrapper` with the name, the length and all other properties of `fn`, and its type. */
export function mimicFunction<F extends (...args: never[]) => unknown>(
  wrapper: (...args: never[]) => unknown,
  fn: F,
): F {
  for (const key of Reflect.ownKeys(fn)) {
    const descriptor = OWN.includes(key as string) ? undefined : Object.getOwnPropertyDescriptor(fn, key);
    if (descriptor !== undefined) Object.defineProperty(wrapper, key, descriptor);
  }
  return wrapper as F;
}
