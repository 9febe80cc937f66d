# FOLDER/grokc.1, grokc.bash, grokc.zsh, grokc.fish from the output of PROGRAM.
function(write file)
  execute_process(COMMAND ${PROGRAM} help ${ARGN} OUTPUT_FILE ${FOLDER}/${file} RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "${PROGRAM} help ${ARGN}: ${failed}")
  endif()
endfunction()

file(MAKE_DIRECTORY ${FOLDER})
write(grokc.1 --man)
foreach(shell bash zsh fish)
  write(grokc.${shell} --completion ${shell})
endforeach()
