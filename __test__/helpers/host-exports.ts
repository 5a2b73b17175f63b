/** A key and its value. */
export type Pair = readonly [key: string, value: string];

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function named(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function property(name: string, value: string, type = 'string'): string {
  return `<PROPERTY NAME="${name}" TYPE="${type}">${value === '' ? '' : `<VALUE>${value}</VALUE>`}</PROPERTY>`;
}

/** An item of `GuestExchangeItems`, as Windows PowerShell prints it. */
export function item([key, value]: Pair): string {
  const inherited = ['Caption', 'Description', 'ElementName', 'InstanceID'].map(
    (name) => `<PROPERTY NAME="${name}" PROPAGATED="true" TYPE="string"></PROPERTY>`,
  );
  const [caption, ...others] = inherited;
  const own = [property('Data', escaped(value)), ...others, property('Name', escaped(key))].join('');
  return `<INSTANCE CLASSNAME="Msvm_KvpExchangeDataItem">${caption}${own}${property('Source', '1', 'uint16')}</INSTANCE>`;
}

/** The same in another order, with `CDATA`, comments, single quotes and an element for an empty property. */
function oddItem([key, value]: Pair): string {
  const cdata = `<![CDATA[${value.replaceAll(']]>', ']]]]><![CDATA[>')}]]>`;
  const data = value === '' ? `<PROPERTY NAME='Data' TYPE='string'/>` : property('Data', cdata);
  const parts = [property('Source', '0', 'uint16'), property('Name', named(key)), '<!-- <VALUE> -->', data];
  return `<INSTANCE\n  CLASSNAME = 'Msvm_KvpExchangeDataItem' >\n  ${parts.join('\n  ')}\n</INSTANCE >`;
}

/** What `Export-Clixml` makes of a text. */
function clixml(text: string): string {
  const units = text.replace(/[\u0000-\u001f\u007f-\u009f\ud800-\udfff]|_(?=x[\da-f]{4}_)/gi, (unit) =>
    Array.from(
      { length: unit.length },
      (_, index) => `_x${unit.charCodeAt(index).toString(16).toUpperCase().padStart(4, '0')}_`,
    ).join(''),
  );
  return named(units);
}

function objs(content: string): string {
  return `<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">\r\n${content}\r\n</Objs>`;
}

/** What the host says by itself, which is in no pool of the guest. */
const INTRINSIC: Pair = ['OSName', 'Ubuntu'];

/** A `Msvm_KvpExchangeComponent`, as `Get-CimInstance` has it. */
function component(pairs: readonly Pair[]): object {
  return {
    Caption: 'Data Exchange',
    EnabledState: 2,
    StatusDescriptions: ['OK', null],
    GuestExchangeItems: pairs.map(item),
    GuestIntrinsicExchangeItems: [item(INTRINSIC)],
    PSComputerName: null,
  };
}

/** What an administrator may have of a pool's records, by what made it. */
export const EXPORTS: Record<string, (pairs: readonly Pair[]) => string> = {
  'items on lines': (pairs) => pairs.map((pair) => `${item(pair)}\r\n`).join(''),
  'items of another shape': (pairs) => `<?xml version="1.0"?>\n${pairs.map(oddItem).join('\n')}`,
  'ConvertTo-Json of items': (pairs) => JSON.stringify(pairs.map(item), null, 4),
  'ConvertTo-Json of items, in Windows PowerShell': (pairs) =>
    JSON.stringify({ value: pairs.map(item), Count: pairs.length }).replace(
      /[<>'&]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ),
  'ConvertTo-Json of each item': (pairs) => pairs.map((pair) => `${JSON.stringify(item(pair))}\r\n`).join(''),
  'ConvertTo-Json of texts with notes': (pairs) =>
    JSON.stringify(pairs.map((pair) => ({ value: item(pair), PSPath: 'C:\\items.xml', ReadCount: 1 }))),
  'ConvertTo-Json of the component': (pairs) => JSON.stringify(component(pairs), null, 2),
  'ConvertTo-Json of components': (pairs) => JSON.stringify([component(pairs)]),
  'Export-Clixml of items': (pairs) =>
    objs(
      `<Obj RefId="0"><TN RefId="0"><T>System.String[]</T></TN><LST>${pairs
        .map((pair) => `<S>${clixml(item(pair))}</S>`)
        .join('\r\n')}</LST></Obj>`,
    ),
  'Export-Clixml of each item': (pairs) =>
    objs(pairs.map((pair) => `  <S>${clixml(item(pair))}</S>`).join('\r\n')),
  'Export-Clixml of the component': (pairs) =>
    objs(
      `<Obj RefId="0"><ToString>Msvm_KvpExchangeComponent</ToString><Props><S N="Caption">a &lt; b</S>` +
        `<Obj N="GuestIntrinsicExchangeItems" RefId="1"><LST><S>${clixml(item(INTRINSIC))}</S></LST></Obj>` +
        `<Obj N="GuestExchangeItems" RefId="2"><LST>${pairs
          .map((pair) => `<S>${clixml(item(pair))}</S>`)
          .join('')}</LST></Obj><Nil N="PSComputerName" /></Props></Obj>`,
    ),
  'dump --json': (pairs) => `${JSON.stringify(pairs.map(([key, value]) => ({ key, value })))}\n`,
  'dump --json, reformatted': (pairs) =>
    JSON.stringify(
      pairs.map(([key, value]) => ({ value, key })),
      null,
      '\t',
    ),
};

/** How a text becomes a file. */
export const ENCODINGS: Record<string, (text: string) => Buffer> = {
  'UTF-8': (text) => Buffer.from(text),
  'UTF-8 with BOM': (text) => Buffer.from(`\ufeff${text}`),
  'UTF-16LE': (text) => Buffer.from(`\ufeff${text}`, 'utf16le'),
  'UTF-16BE': (text) => Buffer.from(`\ufeff${text}`, 'utf16le').swap16(),
};

/** Lines as a terminal of so many columns has wrapped them. */
export function wrapped(text: string, columns: number): string {
  return text
    .split('\r\n')
    .flatMap((line) => line.match(new RegExp(`[^]{1,${columns}}`, 'g')) ?? [''])
    .join('\r\n');
}
