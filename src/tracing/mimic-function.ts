/** Properties that are not copied: they belong to a constructor, or throw when they are read. */
const OWN = ['prototype', 'arguments', 'caller'];

/** Gives `wrapper` the name, the length and all other properties of `fn`, and returns it with the type of `fn`. */
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
