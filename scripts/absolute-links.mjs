/** The text of a page of this project with links and pictures that lead to its repository, for where its other files are not. */
export function absoluteLinks(text, repository, raw) {
  return text
    .replaceAll(/\]\((?!https?:|#|mailto:)([^)\s]+)\)/g, `](${repository}/blob/main/$1)`)
    .replaceAll(/\b(src|srcset)="(?!https?:)([^"]+)"/g, `$1="${raw}/main/$2"`);
}
