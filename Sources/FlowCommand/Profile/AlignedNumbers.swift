import FlowIR
import Foundation

/// Memory aligned to cache lines.
final class AlignedNumbers {
  let pointer: UnsafeMutableRawPointer

  init(_ values: [Double], dtype: DType) {
    let size = dtype == .f64 ? 8 : 4
    pointer = .allocate(byteCount: max(values.count * size, 64), alignment: 64)
    for (index, value) in values.enumerated() {
      switch dtype {
      case .f64: pointer.storeBytes(of: value, toByteOffset: index * size, as: Double.self)
      case .f32: pointer.storeBytes(of: Float(value), toByteOffset: index * size, as: Float.self)
      case .i32, .bool:
        pointer.storeBytes(of: Int32(value), toByteOffset: index * size, as: Int32.self)
      }
    }
  }

  deinit { pointer.deallocate() }
}
