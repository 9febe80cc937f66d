# What the program writes about itself, after every build of it: the man page and completion for three shells.
if(NOT CMAKE_CROSSCOMPILING)
  set(written ${PROJECT_BINARY_DIR}/generated/manual)
  add_custom_command(TARGET grokc POST_BUILD VERBATIM
    COMMAND ${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:grokc> -DFOLDER=${written} -P ${PROJECT_SOURCE_DIR}/cmake/write_manual.cmake)
  install(FILES ${written}/grokc.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  install(FILES ${written}/grokc.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME grokc)
  install(FILES ${written}/grokc.zsh DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions RENAME _grokc)
  install(FILES ${written}/grokc.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()
