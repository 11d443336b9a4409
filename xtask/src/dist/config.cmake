# find_package(genesys_cloud_adapter) for the archive that this file lies in, wherever that was unpacked.
#
#   genesys_cloud_adapter::headers                 the two headers; for a host that loads the library when it runs
#   genesys_cloud_adapter::genesys_cloud_adapter   the shared library with them; for a host that links it
#   genesys_cloud_adapter_LIBRARY                  the library's file
get_filename_component(_gca_root "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

if(WIN32)
  set(genesys_cloud_adapter_LIBRARY "${_gca_root}/bin/genesys_cloud_adapter.dll")
else()
  set(genesys_cloud_adapter_LIBRARY "${_gca_root}/lib/libgenesys_cloud_adapter.so")
endif()

if(NOT TARGET genesys_cloud_adapter::headers)
  add_library(genesys_cloud_adapter::headers INTERFACE IMPORTED)
  set_target_properties(genesys_cloud_adapter::headers PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${_gca_root}/include")

  add_library(genesys_cloud_adapter::genesys_cloud_adapter SHARED IMPORTED)
  set_target_properties(genesys_cloud_adapter::genesys_cloud_adapter PROPERTIES
    IMPORTED_LOCATION "${genesys_cloud_adapter_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${_gca_root}/include")
  if(WIN32)
    set_target_properties(genesys_cloud_adapter::genesys_cloud_adapter PROPERTIES
      IMPORTED_IMPLIB "${_gca_root}/lib/genesys_cloud_adapter.lib")
  else()
    set_target_properties(genesys_cloud_adapter::genesys_cloud_adapter PROPERTIES
      IMPORTED_SONAME "libgenesys_cloud_adapter.so")
  endif()
endif()

unset(_gca_root)
