# Plain comments as doxygen reads them: `// text` before a declaration becomes `/// text`, behind one `///< text`; in C
# `/* text */` becomes `/** text */` or `/**< text */`. A file's first comment describes the file. Only for the reference.
BEGIN { in_head = 1; is_c = 0 }
NR == 1 && /^\/\*/ { is_c = 1; sub(/^\/\*/, "/** @file\n"); print; in_head = 0; next }
NR == 1 && /^\/\// { print "/// @file" }
/^[ \t]*\/[\/*] ---/ { print; next }  # a heading between declarations
# Specialisations of std's templates are no business of readers, and doxygen trips over them.
/^template </ { held = $0; next }
held != "" && /std::/ { held = ""; skips = !/;[ \t]*$/; next }
held != "" { print held; held = "" }
skips { skips = !/^};/; next }
/^[ \t]*\/\// { sub(/\/\//, "///"); print; next }
/^[ \t]*$/ { in_head = 0 }
/^[ \t]*\/\*/ { sub(/\/\*/, "/**"); print; next }
/[;,{}][ \t]*\/\*/ { sub(/\/\*/, "/**<"); print; next }
/[;,{}][ \t]+\/\/ / { sub(/\/\/ /, "///< "); print; next }
{ print }
