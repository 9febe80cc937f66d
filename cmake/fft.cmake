# gk_fft: FFTW in single precision for kernels/cpu/fft2.c. Without it, or with -DGK_FFT=none, plain sums.
add_library(gk_fft INTERFACE)
if(GK_FFT STREQUAL "fftw")
  pkg_check_modules(FFTW IMPORTED_TARGET fftw3f)
elseif(NOT GK_FFT STREQUAL "none")
  message(FATAL_ERROR "GK_FFT is fftw or none, not \"${GK_FFT}\"")
endif()
if(GK_FFT STREQUAL "fftw" AND FFTW_FOUND)
  target_link_libraries(gk_fft INTERFACE PkgConfig::FFTW)
else()
  target_compile_definitions(gk_fft INTERFACE GK_FFT_NONE)
  message(WARNING "no FFTW in single precision (fftw3f; Debian: libfftw3-dev): 2-D spectra are plain sums, "
                  "and a measured row takes seconds instead of a fraction of one")
endif()
