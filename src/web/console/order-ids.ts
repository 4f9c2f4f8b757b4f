/** Order ids in a message of any form, each once. */
const ID = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/g;
const MAX_SHOWN = 5;

export const orderIdsIn = (body: unknown): string[] =>
  [...new Set(JSON.stringify(body)?.match(ID))].slice(0, MAX_SHOWN);
