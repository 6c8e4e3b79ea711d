// The package itself, as it was built: bench/ has a package.json of its own, so the name leads nowhere here.

export * from '../../dist/index.mjs';
