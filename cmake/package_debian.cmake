# Run by cpack over the installed files, before they are packed: what Debian has in other places or forms.
set(usr ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr)
set(doc ${usr}/share/doc/grokc)

file(RENAME ${doc}/LICENSE ${doc}/copyright)
file(MAKE_DIRECTORY ${usr}/share/zsh/vendor-completions)
file(RENAME ${usr}/share/zsh/site-functions/_grokc ${usr}/share/zsh/vendor-completions/_grokc)
file(REMOVE_RECURSE ${usr}/share/zsh/site-functions)
execute_process(COMMAND gzip -9n ${usr}/share/man/man1/grokc.1 COMMAND_ERROR_IS_FATAL ANY)
