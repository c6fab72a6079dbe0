// Plays one scenario: `node run.mjs NAME < STAGE.json`. Ends with 0 where
// everything held, and says otherwise what did not.
import { readFileSync } from "node:fs";
import { Stage } from "./browser.mjs";
import * as answering from "./answering.mjs";
import * as attacks from "./attacks.mjs";
import * as editing from "./editing.mjs";
import * as exceptions from "./exceptions.mjs";
import * as looks from "./looks.mjs";

const name = process.argv[2];
const scenario = { ...answering, ...attacks, ...editing, ...exceptions, ...looks }[name];
if (!scenario) throw new Error(`there is no scenario ${name}`);
const stage = new Stage(JSON.parse(readFileSync(0, "utf8")));
try {
  await stage.open();
  await scenario(stage);
} finally {
  await stage.close();
}
