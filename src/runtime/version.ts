/** Of package.json; a test holds them equal. In a file of its own: a Worker would bundle all of package.json. */
export const VERSION = "0.1.0";
