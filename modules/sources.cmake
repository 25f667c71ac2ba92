# Every unit of the module nbm: interfaces are installed, internal partitions (implementations) are not.
set(NBM_INTERFACES
  nbm.cppm
  xtensor.cppm
  tensor/tensor.cppm
  tensor/errors.cppm
  tensor/types.cppm
  tensor/math.cppm
  tensor/kernels.cppm
  tensor/parallel.cppm
  tensor/products.cppm
  random/random.cppm
  random/philox.cppm
  random/stream.cppm
  model/model.cppm
  model/topology.cppm
  model/dbm.cppm)
set(NBM_INTERNALS
  tensor/errors.cpp
  tensor/kernels.cpp
  tensor/parallel.cpp
  tensor/products.cpp
  random/stream.cpp
  model/topology.cpp
  model/dbm.cpp)
list(TRANSFORM NBM_INTERFACES PREPEND modules/)
list(TRANSFORM NBM_INTERNALS PREPEND modules/)
# Plain C++, no part of the module: see kernels/kernels.hpp.
set(NBM_KERNELS modules/kernels/elementwise.cpp modules/kernels/sampling.cpp)
set_source_files_properties(${NBM_KERNELS} PROPERTIES CXX_SCAN_FOR_MODULES OFF)
