// The report's page as one file: dist/report/page.html, with its script and style inside.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { viteSingleFile } from 'vite-plugin-singlefile';

const folder = path.dirname(fileURLToPath(import.meta.url));

export default defineConfig({
  root: folder,
  logLevel: 'warn',
  cacheDir: path.join(folder, '../.cache/vite'),
  plugins: [viteSingleFile({ removeViteModuleLoader: true, outputFileName: 'page.html' })],
  build: {
    outDir: path.join(folder, '../dist/report'),
    emptyOutDir: false,
    target: 'es2022',
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    reportCompressedSize: false,
  },
});
