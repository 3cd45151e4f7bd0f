/// Writes comma-separated numbers, each as short as is exact.
public final class CSVWriter: RowWriter {
  private let file: OutputFile?
  private let columns: Int
  private let outputs: Outputs?

  /// Writes to a file, or to standard output if there is none.
  init(_ file: OutputFile?, columns: Int, committing outputs: Outputs?) {
    self.file = file
    self.columns = max(columns, 1)
    self.outputs = outputs
  }

  /// Appends rows.
  public func write(_ values: [Float]) throws(FileError) { try put(values.map(\.description)) }

  /// Appends rows.
  public func write(_ values: [Double]) throws(FileError) { try put(values.map(\.description)) }

  private func put(_ texts: [String]) throws(FileError) {
    var bytes: [UInt8] = []
    for (index, text) in texts.enumerated() {
      bytes += text.utf8
      bytes.append(index % columns == columns - 1 ? 0x0a : UInt8(ascii: ","))
    }
    if let file {
      try file.write(bytes)
    } else {
      try StandardStreams.output(bytes)
    }
  }

  /// Completes the table.
  public func finish() throws(FileError) { try outputs?.commit() }
}
