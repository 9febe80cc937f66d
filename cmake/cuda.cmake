# The CUDA backend, where there is a CUDA compiler: GK_CUDA is AUTO, ON (required) or OFF. Sets GK_CUDA_FOUND and the
# interface library gk_cuda. GK_CUDA_ARCH: auto (the GPU of this machine; without one, every major architecture that the
# toolkit knows, and PTX of the newest for what comes after it), or a list as in CMAKE_CUDA_ARCHITECTURES: "80-real;90".
set(GK_CUDA "AUTO" CACHE STRING "AUTO, ON or OFF")
set(GK_CUDA_ARCH "auto" CACHE STRING "auto, or a list as in CMAKE_CUDA_ARCHITECTURES")
set(GK_CUDA_FOUND FALSE)
set(GK_CUDA_OLDEST 70)                          # Volta

if(NOT GK_CUDA MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "GK_CUDA is AUTO, ON or OFF, not \"${GK_CUDA}\"")
endif()
if(GK_CUDA STREQUAL "OFF" OR GK_F64)
  return()
endif()

# Toolkits are often installed beside the PATH.
if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
  find_program(GK_NVCC nvcc HINTS ENV CUDA_HOME ENV CUDA_PATH PATHS /usr/local/cuda /opt/cuda PATH_SUFFIXES bin)
  if(GK_NVCC)
    set(CMAKE_CUDA_COMPILER ${GK_NVCC})
  endif()
endif()
include(CheckLanguage)
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  if(GK_CUDA STREQUAL "ON")
    message(FATAL_ERROR "GK_CUDA=ON, and there is no CUDA compiler (nvcc): install the CUDA toolkit, or set CUDACXX")
  endif()
  message(NOTICE "*** No CUDA compiler (nvcc) found: grokc is built WITHOUT its CUDA backend and will use the CPU alone")
  return()
endif()

# Into `out`: what "auto" stands for.
function(gk_cuda_architectures out)
  execute_process(COMMAND nvidia-smi --query-gpu=compute_cap --format=csv,noheader
                  OUTPUT_VARIABLE seen OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(failed EQUAL 0 AND seen MATCHES "^[0-9]+\\.[0-9]")
    string(REGEX MATCHALL "[0-9]+\\.[0-9]" chosen "${seen}")
    list(TRANSFORM chosen REPLACE "\\." "")
    list(REMOVE_DUPLICATES chosen)
    list(TRANSFORM chosen APPEND "-real")
    set(${out} "${chosen}" PARENT_SCOPE)
    return()
  endif()
  execute_process(COMMAND ${CMAKE_CUDA_COMPILER} --list-gpu-code OUTPUT_VARIABLE known ERROR_QUIET)
  string(REGEX MATCHALL "[0-9]+" known "${known}")
  list(SORT known COMPARE NATURAL)
  set(chosen "")
  foreach(number ${known})
    if(number GREATER_EQUAL GK_CUDA_OLDEST AND (NOT chosen OR number MATCHES "0$"))
      list(APPEND chosen ${number})
    endif()
  endforeach()
  if(NOT chosen)
    message(FATAL_ERROR "${CMAKE_CUDA_COMPILER} does not say what it compiles for; give -DGK_CUDA_ARCH=")
  endif()
  list(POP_BACK chosen newest)                  # without -real: PTX, too
  list(TRANSFORM chosen APPEND "-real")
  set(${out} "${chosen};${newest}" PARENT_SCOPE)
endfunction()

if(GK_CUDA_ARCH STREQUAL "auto")
  gk_cuda_architectures(CMAKE_CUDA_ARCHITECTURES)
else()
  set(CMAKE_CUDA_ARCHITECTURES ${GK_CUDA_ARCH})
endif()
enable_language(CUDA)
if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 12)
  message(FATAL_ERROR "CUDA ${CMAKE_CUDA_COMPILER_VERSION} is too old: 12.0 or newer is needed, or -DGK_CUDA=OFF")
endif()
set(CMAKE_CUDA_STANDARD 17)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
find_package(CUDAToolkit REQUIRED)
message(STATUS "CUDA backend: toolkit ${CUDAToolkit_VERSION}, for ${CMAKE_CUDA_ARCHITECTURES}")

# nvcc gets warnings of its own: those of gk_options are the C compiler's. -lineinfo: places in profilers and sanitizers.
add_library(gk_cuda INTERFACE)
target_compile_definitions(gk_cuda INTERFACE GK_CUDA)
target_compile_options(gk_cuda INTERFACE
  $<$<COMPILE_LANGUAGE:CUDA>:-lineinfo -Xcompiler=-Wall>
  $<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<BOOL:${GK_WERROR}>>:-Werror=all-warnings>)
# cuBLASLt and cuFFT are loaded when the backend opens: kernels/cuda/machine/libraries.cu.
target_link_libraries(gk_cuda INTERFACE CUDA::cudart_static ${CMAKE_DL_LIBS})
set_source_files_properties(${PROJECT_SOURCE_DIR}/kernels/cuda/machine/libraries.cu PROPERTIES
                            COMPILE_DEFINITIONS "GK_CUDA_LIBRARIES=\"${CUDAToolkit_LIBRARY_DIR}\"")
include(cmake/lawful.cmake)
foreach(name ${GK_LAWFUL_CUDA})
  set_source_files_properties(${PROJECT_SOURCE_DIR}/kernels/cuda/${name}.cu PROPERTIES COMPILE_OPTIONS --fmad=false)
endforeach()
set(GK_CUDA_FOUND TRUE)
