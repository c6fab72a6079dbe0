// Prints what npm itself knows, for `profiles/npm.toml`:
//
//     node npm.mjs /usr/lib/node_modules/npm
//
// a line for each command with every spelling that npm takes for it, and its
// options by type. Those that take a value only sometimes are `mixed`.
import { createRequire } from 'node:module'

const root = process.argv[2]
const require = createRequire(`${root}/package.json`)
const abbrev = require('abbrev')
const { commands, aliases } = require(`${root}/lib/utils/cmd-list.js`)
const spellings = new Map(commands.map(command => [command, []]))
for (const [spelling, first] of Object.entries(abbrev([...commands, ...Object.keys(aliases)]))) {
  let command = first
  while (aliases[command]) command = aliases[command]
  if (spelling !== command) spellings.get(command).push(spelling)
}
for (const [command, others] of spellings) console.log(`${command}: ${others.join(' ')}`)

const { definitions, shorthands } = require('@npmcli/config/lib/definitions')
const kinds = { switch: [], value: [], mixed: [] }
for (const [name, { type }] of Object.entries(definitions)) {
  const types = [].concat(type).filter(one => one !== null)
  const kind = !types.includes(Boolean) ? 'value' : types.length === 1 ? 'switch' : 'mixed'
  kinds[kind].push(name)
}
for (const [kind, names] of Object.entries(kinds)) console.log(`${kind}: ${names.join(' ')}`)
for (const [letter, words] of Object.entries(shorthands)) console.log(`-${letter}: ${words.join(' ')}`)
