# Turns a text into a C++ function that returns it, at build time and with CMake alone:
#   cmake -DINPUT=serve.md -DOUTPUT=serve.md.cc -DHEADER=cli/manuals.h -DNAMESPACE=lifeboat::cli -DFUNCTION=serve_manual -P embed_text.cmake
# and, included, declares embed_text(TARGET FILE HEADER … NAMESPACE … FUNCTION …), which does so for a target.
if(CMAKE_SCRIPT_MODE_FILE)
  file(READ ${INPUT} text)
  file(WRITE ${OUTPUT} "#include \"${HEADER}\"\n\nnamespace ${NAMESPACE} {\n\n"
    "std::string_view ${FUNCTION}() {\n  return R\"embedded(${text})embedded\";\n}\n\n}  // namespace ${NAMESPACE}\n")
  return()
endif()

set(LIFEBOAT_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
function(embed_text target file)
  cmake_parse_arguments(ARG "" "HEADER;NAMESPACE;FUNCTION" "" ${ARGN})
  set(input ${CMAKE_CURRENT_SOURCE_DIR}/${file})
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${file}.cc)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DINPUT=${input} -DOUTPUT=${output} -DHEADER=${ARG_HEADER} -DNAMESPACE=${ARG_NAMESPACE}
            -DFUNCTION=${ARG_FUNCTION} -P ${LIFEBOAT_EMBED_SCRIPT}
    DEPENDS ${input} ${LIFEBOAT_EMBED_SCRIPT} VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()
