/** The longest time that a timer of Node.js takes, in milliseconds. A longer one would end at once. */
export const TIMER_MAX = 2 ** 31 - 1;
