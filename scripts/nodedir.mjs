// Finds the headers that node-gyp wants, without a download: beside the running Node, or else made from the package
// node-api-headers, which is enough for an addon that uses Node-API alone.
import { copyFileSync, existsSync, mkdirSync, readdirSync, realpathSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { at } from './shared.mjs';

const require = createRequire(import.meta.url);

const hasHeaders = (folder) =>
  Boolean(folder) && ['node_api.h', 'common.gypi'].every((file) => existsSync(path.join(folder, 'include/node', file)));

/** A folder for `node-gyp --nodedir`. */
export function findNodedir() {
  const candidates = [
    process.env.npm_config_nodedir,
    path.resolve(process.execPath, '../..'),
    path.resolve(realpathSync(process.execPath), '../..'),
    process.config.variables.node_prefix,
  ];
  return candidates.find(hasHeaders) ?? makeNodedir(at('.cache/nodedir'));
}

/** Writes a folder laid out like Node's own headers. */
export function makeNodedir(folder) {
  const target = path.join(folder, 'include/node');
  mkdirSync(target, { recursive: true });
  const source = require('node-api-headers').include_dir;
  for (const file of readdirSync(source)) copyFileSync(path.join(source, file), path.join(target, file));
  const [major, minor, patch] = process.versions.node.split('.');
  writeFileSync(
    path.join(target, 'node_version.h'),
    `#define NODE_MAJOR_VERSION ${major}\n#define NODE_MINOR_VERSION ${minor}\n#define NODE_PATCH_VERSION ${patch}\n`,
  );
  const linux = {
    cflags: ['-fPIC', '-pthread', '-Wall', '-Wextra', '-Wno-unused-parameter'],
    cflags_cc: ['-std=gnu++17', '-fno-rtti', '-fno-exceptions'],
    ldflags: ['-pthread', '-rdynamic'],
  };
  const configurations = { Debug: { cflags: ['-g', '-O0'] }, Release: { cflags: ['-O3'] } };
  const defaults = { default_configuration: 'Release', configurations, conditions: [["OS=='linux'", linux]] };
  writeFileSync(path.join(target, 'common.gypi'), JSON.stringify({ target_defaults: defaults }));
  writeFileSync(
    path.join(target, 'config.gypi'),
    JSON.stringify({
      target_defaults: { default_configuration: 'Release' },
      variables: { standalone_static_library: 1 },
    }),
  );
  return folder;
}
