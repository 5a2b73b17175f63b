/** Lets the browser draw, and answer the reader, before more is done. */
export function breath(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
