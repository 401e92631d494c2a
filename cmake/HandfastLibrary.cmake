# One library of the house: compiled once, linked as shared and as static.
#   hf_add_library(<name> DESCRIPTION ... SOURCES ... [OBJECTS object-targets] [HANDFAST_LINK our-libs]
#                  [PRIVATE_LINK foreign-libs] [PC_REQUIRES ...] [PC_REQUIRES_PRIVATE ...])
# gives <name> (shared), <name>_static (for our programs and tests), installs both, the headers
# and <name>.pc. Only symbols marked HF_API leave the shared library.
function(hf_add_library name)
  cmake_parse_arguments(L "" "DESCRIPTION" "SOURCES;OBJECTS;HANDFAST_LINK;PRIVATE_LINK;PC_REQUIRES;PC_REQUIRES_PRIVATE" ${ARGN})
  string(REPLACE "-" "_" id ${name})

  add_library(${id}_objects OBJECT ${L_SOURCES})
  set_target_properties(${id}_objects PROPERTIES POSITION_INDEPENDENT_CODE ON)
  target_include_directories(${id}_objects
    PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>
    PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/src ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(${id}_objects PRIVATE hf_warnings ${L_PRIVATE_LINK})

  set(objects $<TARGET_OBJECTS:${id}_objects>)
  foreach(o ${L_OBJECTS})
    list(APPEND objects $<TARGET_OBJECTS:${o}>)
  endforeach()
  add_library(${id} SHARED ${objects})
  add_library(${id}_static STATIC ${objects})
  set_target_properties(${id} PROPERTIES OUTPUT_NAME ${name} EXPORT_NAME ${name}
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
  set_target_properties(${id}_static PROPERTIES OUTPUT_NAME ${name} EXPORT_NAME ${name}-static)
  foreach(kind IN ITEMS "" "_static")
    target_include_directories(${id}${kind} PUBLIC
      $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
  endforeach()
  target_link_libraries(${id} PRIVATE ${L_PRIVATE_LINK})
  target_link_libraries(${id}_static PRIVATE ${L_PRIVATE_LINK})
  foreach(dep ${L_HANDFAST_LINK})
    target_link_libraries(${id} PUBLIC ${dep})
    target_link_libraries(${id}_static PUBLIC ${dep}_static)
    target_include_directories(${id}_objects PRIVATE
      $<TARGET_PROPERTY:${dep},INTERFACE_INCLUDE_DIRECTORIES>)
  endforeach()

  install(TARGETS ${id} ${id}_static EXPORT handfast
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")

  set(PC_NAME ${name})
  set(PC_DESCRIPTION ${L_DESCRIPTION})
  string(REPLACE ";" ", " PC_REQUIRES "${L_PC_REQUIRES}")
  string(REPLACE ";" ", " PC_REQUIRES_PRIVATE "${L_PC_REQUIRES_PRIVATE}")
  # What a static link needs beside the packages of Requires.private: libraries that were found as files.
  set(PC_LIBS_PRIVATE "")
  foreach(item ${L_PRIVATE_LINK})
    if(IS_ABSOLUTE "${item}")
      get_filename_component(stem ${item} NAME_WE)
      string(REGEX REPLACE "^lib" "-l" flag ${stem})
      string(APPEND PC_LIBS_PRIVATE " ${flag}")
    elseif(item STREQUAL "Threads::Threads")
      string(APPEND PC_LIBS_PRIVATE " -pthread")
    endif()
  endforeach()
  # Found from where the .pc file is, so that an installation may be put anywhere (cmake --install --prefix, DESTDIR).
  set(PC_PREFIX ${CMAKE_INSTALL_PREFIX})
  if(NOT IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
    string(REGEX REPLACE "[^/]+" ".." up ${CMAKE_INSTALL_LIBDIR})
    set(PC_PREFIX "\${pcfiledir}/../${up}")
  endif()
  set(PC_LIBDIR "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
  set(PC_INCLUDEDIR "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
  foreach(dir IN ITEMS LIBDIR INCLUDEDIR)
    if(IS_ABSOLUTE "${CMAKE_INSTALL_${dir}}")
      set(PC_${dir} ${CMAKE_INSTALL_${dir}})
    endif()
  endforeach()
  configure_file(${PROJECT_SOURCE_DIR}/cmake/library.pc.in ${CMAKE_CURRENT_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()
