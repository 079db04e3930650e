export * as Evidence from "../source/evidence/index.js";
