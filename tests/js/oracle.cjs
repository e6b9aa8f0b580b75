// JavaScript Yjs, asked by the tests: a JSON object on each line of stdin, its answer on a line of
// stdout. `oracle.py` says what is in them.
"use strict"

const readline = require("node:readline")
const Y = require("yjs")

const bytes = (hex) => new Uint8Array(Buffer.from(hex, "hex"))
const hex = (data) => Buffer.from(data).toString("hex")

const steps = {
  push: (doc, root, values) => doc.getArray(root).push(values),
  insert: (doc, root, index, text) => doc.getText(root).insert(index, text),
  delete: (doc, root, index, length) => doc.getText(root).delete(index, length),
  remove: (doc, root, index, length) => doc.getArray(root).delete(index, length),
}

const answer = ({ replica, updates = [], edits = [], arrays = [], texts = [], vector }) => {
  const doc = new Y.Doc({ gc: true })
  doc.clientID = replica ?? 0
  updates.forEach((update) => Y.applyUpdate(doc, bytes(update)))
  const made = []
  doc.on("update", (update) => made.push(update))
  // One transaction for each edit, as an editor makes them.
  edits.forEach(([name, ...args]) => steps[name](doc, ...args))
  const seen = vector && Y.encodeStateVector(new Map(Object.entries(vector).map(([id, at]) => [+id, at])))
  return {
    update: hex(Y.encodeStateAsUpdate(doc)),
    diff: seen ? hex(Y.encodeStateAsUpdate(doc, seen)) : null,
    made: made.map(hex),
    vector: Object.fromEntries(Y.decodeStateVector(Y.encodeStateVector(doc))),
    held_back: doc.store.pendingStructs !== null || doc.store.pendingDs !== null,
    arrays: Object.fromEntries(arrays.map((root) => [root, doc.getArray(root).toJSON()])),
    texts: Object.fromEntries(texts.map((root) => [root, doc.getText(root).toString()])),
  }
}

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  let told
  try {
    told = answer(JSON.parse(line))
  } catch (error) {
    told = { error: String(error) }
  }
  process.stdout.write(JSON.stringify(told) + "\n")
})
