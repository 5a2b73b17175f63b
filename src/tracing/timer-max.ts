/** The longest delay of a timer of Node.js, in milliseconds. A longer one ends at once. */
export const TIMER_MAX = 2 ** 31 - 1;
