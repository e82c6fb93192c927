// What every page needs, in the order it is needed.
import "./csrf.js";
import "./theme.js";
import "./live.js";
import "./filter.js";
import "./select.js";
import "./drawer.js";
import "./operate.js";
import "./keys.js";
