// RUNTIME actor.mjs FEATURE ROLE NAME
import { features } from './features.mjs';

const [feature, role, name] = process.argv.slice(2);
await features[feature][role](name);
