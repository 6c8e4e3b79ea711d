declare module 'node-gyp-build' {
  /** Loads the addon that was built or shipped for this platform below `directory`. */
  export default function load(directory: string): unknown;
}
