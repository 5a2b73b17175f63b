/** Words at the end of a name that say how its value is written, not what it is. */
const FORMS: ReadonlySet<string> = new Set(
  'value hash hashed plain text raw pem base64 b64 encrypted confirm confirmation old new'.split(' '),
);
/** A word that ends so is a secret's. */
const ENDING =
  /(?:password|passwd|passphrase|passcode|secret|token|apikey|accesskey|privatekey|secretkey|connectionstring)$/;
/** Words that are a secret's as they are. */
const WORDS: ReadonlySet<string> = new Set(
  'pwd authorization cookie cookies credential credentials passwords secrets sas jwt'.split(' '),
);
/** Two words that are a secret's together. */
const PAIR =
  /^(?:(?:api|private|secret|access|account|shared|signing|encryption) key|connection string|auth header|sas ur[li])$/;

/** The longest word that is looked for at an end. */
const ENDING_MAX = 'connectionstring'.length;

/** So much of the end of a name is looked at. */
const LOOKED_AT = 512;

/** What is between the words of a name in camelCase, or of one with anything between its words. */
const WORD_BORDER = /[^A-Za-z\d]+|(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/;
const NOT_ASCII = /[^ -~]/;

function wordsOf(name: string): string[] {
  if (!NOT_ASCII.test(name)) return name.split(WORD_BORDER);
  // The same of all scripts. Node.js looks the classes up when it comes by, which takes longer than the rest.
  return name.split(/[^\p{L}\p{N}]+|(?<=[\p{Ll}\p{N}])(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})/u);
}

/** Whether the words of a name say that its value is secret: `adminPassword`, `DB_PASSWORD`, `x-api-key`. */
export function isSecretByWords(name: string): boolean {
  const words = wordsOf(name.slice(-LOOKED_AT));
  let last = '';
  while (words.length > 0) {
    const word = (words.pop() as string).toLowerCase();
    last = FORMS.has(word) ? '' : word.replace(/(?<!\d)\d+$/, '');
    if (last !== '' && !FORMS.has(last)) break;
    last = '';
  }
  // What stands in front of so much that says nothing is not looked for: it may be secret.
  if (words.length === 0 && last.length < ENDING_MAX) return name.length > LOOKED_AT || isSecretWord(last);
  if (isSecretWord(last)) return true;
  return PAIR.test(`${words.pop()?.toLowerCase()} ${last}`);
}

function isSecretWord(word: string): boolean {
  return WORDS.has(word) || ENDING.test(word);
}
