# gk/ops.def -> "#define PARAMS_op type name, ..." for each OP(op, type name, ...), with which a function of the op's type is
# defined without typing its parameters again.
{ gsub(/\/\*.*\*\//, "") }
/\/\*/ { comment = 1 }
/\*\// { comment = 0; next }
comment { next }
/^OP\(/ { line = "" }
{ line = line " " $0 }
/\)[ \t]*$/ && line ~ /OP\(/ {
    gsub(/[ \t]+/, " ", line)
    sub(/^ *OP\(/, "", line)
    sub(/\) *$/, "", line)
    comma = index(line, ",")
    print "#define PARAMS_" substr(line, 1, comma - 1) substr(line, comma + 1)
    line = ""
}
