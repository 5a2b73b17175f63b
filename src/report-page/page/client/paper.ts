/** Has what is printed be the page without a script: all spans and tables, not the part of them that is on the screen. */
export function preparePaper(): void {
  const [source, paper] = ['static', 'paper'].map((id) => document.getElementById(id) as HTMLElement) as [
    HTMLElement,
    HTMLElement,
  ];
  addEventListener('beforeprint', () => {
    // With scripts the content of <noscript> is a text, in which all texts of the pool are escaped.
    if (paper.firstChild === null) paper.innerHTML = source.textContent;
  });
  addEventListener('afterprint', () => paper.replaceChildren());
}
