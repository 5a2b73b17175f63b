/** What a secret's name is called that stands beside it, and what the secret is: `{ name: 'password', value: '…' }`. */
const NAME = /^(?:name|key)$/i;
const VALUE = /^values?$/i;
/** Lists in which each second item belongs to the name before it. */
const ALTERNATING = /^raw[-_]?(?:headers|trailers)$/i;

/** Whether a member of this name may be the value of another member's text. */
export function isValueName(name: string): boolean {
  return (name.length === 5 || name.length === 6) && VALUE.test(name);
}

/** Whether a list of this name has names and values in turn, as `rawHeaders` of Node.js. */
export function isAlternatingName(name: string): boolean {
  return name.length >= 10 && name.length <= 12 && ALTERNATING.test(name);
}

/** Whether a field of this name is an item of a list that was given as fields. */
export function isItemName(name: string): boolean {
  return name.length <= 3 && /^\d+$/.test(name);
}

/** Whether one of some members says that its neighbour is secret. */
export function namesSecret(
  names: readonly string[],
  valueAt: (index: number) => unknown,
  isSecret: (name: string) => boolean,
): boolean {
  return names.some((name, i) => {
    const text = NAME.test(name) ? valueAt(i) : undefined;
    return typeof text === 'string' && isSecret(text);
  });
}
