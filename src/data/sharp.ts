// sharp, loaded on first use. A file of its own, which no public declaration leads to: those must not name types of a
// package that may be absent.

import { loadPeer } from './peer.js';

/** @throws OcellusError ERR_OCELLUS_DATA when sharp is absent */
export const loadSharp = () => loadPeer('sharp', 'decoding images', () => import('sharp'));
