import process from "node:process";
import { signToken } from "./lib/token.ts";

const [subject, ...scopes] = process.argv.slice(2);
if (!subject || subject.startsWith("-")) {
  console.error(`usage: npm run --silent token -- SUB [SCOPE[,SCOPE…]]

  without a scope      a customer
  operator             all rights
  orders:create,…      a service with these rights (docs/authorization.md lists them)`);
  process.exit(2);
}
// Between commas or spaces, as one argument or as several.
const words = scopes.flatMap((text) => text.split(/[\s,]+/)).filter((word) => word !== "");
console.log(await signToken(subject, words.join(" ")));
