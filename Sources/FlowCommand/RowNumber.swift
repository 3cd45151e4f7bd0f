import FlowFiles
import FlowRuntime
import Flows

/// The float type that rows are read, computed and written in.
protocol RowNumber: FlowScalar {
  static var precision: Precision { get }
  static func array(_ values: [Self], shape: [Int]) -> HostArray
  static func values(of array: HostArray) -> [Self]
  static func write(_ values: [Self], to writer: any RowWriter) throws(FileError)
}

extension Float: RowNumber {
  static var precision: Precision { .f32 }

  static func array(_ values: [Float], shape: [Int]) -> HostArray {
    HostArray(values, shape: shape)
  }

  static func values(of array: HostArray) -> [Float] { array.floats }

  static func write(_ values: [Float], to writer: any RowWriter) throws(FileError) {
    try writer.write(values)
  }
}

extension Double: RowNumber {
  static var precision: Precision { .f64 }

  static func array(_ values: [Double], shape: [Int]) -> HostArray {
    HostArray(values, shape: shape)
  }

  static func values(of array: HostArray) -> [Double] { array.doubles }

  static func write(_ values: [Double], to writer: any RowWriter) throws(FileError) {
    try writer.write(values)
  }
}
