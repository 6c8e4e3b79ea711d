// An option for tests of the wrap-around of positions, which the public types do not show.

declare module '../dist/messages/spsc-shape.js' {
  interface SpscCreateOptions<T> {
    startPosition?: number;
  }
}

declare module '../dist/messages/pipe-shape.js' {
  interface PipeCreateOptions<T> {
    startPosition?: number;
  }
}

export {};
