# Writes gk_version.h; touches it only when something changed.
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12 --exclude=*
                OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed)
  set(commit "unknown")
endif()
string(STRIP "${FLAGS}" FLAGS)
file(WRITE ${OUT}.new "#define GK_VERSION \"${VERSION}\"\n#define GK_COMMIT \"${commit}\"\n"
     "#define GK_COMPILER \"${COMPILER}\"\n#define GK_FLAGS \"${FLAGS}\"\n")
execute_process(COMMAND ${CMAKE_COMMAND} -E copy_if_different ${OUT}.new ${OUT})
file(REMOVE ${OUT}.new)
