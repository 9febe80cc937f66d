# The CUDA backend is not part of this version yet: the option exists so that builds that ask for it fail loudly.
if(GK_CUDA STREQUAL "ON")
  message(FATAL_ERROR "GK_CUDA=ON: this version of grokc has no CUDA backend yet")
elseif(NOT GK_CUDA MATCHES "^(AUTO|OFF)$")
  message(FATAL_ERROR "GK_CUDA is AUTO, ON or OFF, not \"${GK_CUDA}\"")
endif()
