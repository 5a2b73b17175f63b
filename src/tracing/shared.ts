/**
 * What all copies of the package in this thread share under the symbol of this name; `make` makes it if there is none.
 * Where nothing can be added to the global object, as if it is frozen, `process` serves, and if that can't either, each
 * copy has its own.
 */
export function shared<T extends object>(name: string, make: () => T): T {
  const key = Symbol.for(name);
  const places: object[] = [globalThis, process];
  for (const place of places) {
    if (Object.hasOwn(place, key)) return (place as Record<symbol, T>)[key] as T;
  }
  const value = make();
  places.some((place) => Reflect.defineProperty(place, key, { value, configurable: true, writable: true }));
  return value;
}
