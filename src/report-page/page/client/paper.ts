/** Has what is printed be the page without a script: all spans and tables, not the part of them that is on the screen. */
export function preparePaper(): void {
  const [source, paper] = ['static', 'paper'].map((id) => document.getElementById(id) as HTMLElement) as [
    HTMLElement,
    HTMLElement,
  ];
  /** What the reader left closed: it could not be opened on paper. */
  let closed: HTMLDetailsElement[] = [];
  const open = (isOpen: boolean): void => closed.forEach((details) => (details.open = isOpen));
  addEventListener('beforeprint', () => {
    closed = [...document.querySelectorAll<HTMLDetailsElement>('#answer details:not([open])')];
    open(true);
    // With scripts the content of <noscript> is a text, in which all texts of the pool are escaped.
    if (paper.firstChild === null) paper.innerHTML = source.textContent;
  });
  addEventListener('afterprint', () => {
    open(false);
    paper.replaceChildren();
  });
}
