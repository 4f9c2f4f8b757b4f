import process from "node:process";
import { signToken } from "./lib/token.ts";

const [subject, ...scope] = process.argv.slice(2);
if (!subject || subject.startsWith("-")) {
  console.error("usage: npm run --silent token -- SUB [SCOPE]");
  process.exit(2);
}
console.log(await signToken(subject, scope.join(" ")));
