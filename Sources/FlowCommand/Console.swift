import FlowFiles

/// What a command says to a person or to the program that reads its output.
enum Console {
  /// Prints text on standard output.
  ///
  /// - Throws: `FileError.system` if it can't be written: lost output is a failure.
  static func print(_ text: String, terminator: String = "\n") throws(FileError) {
    try StandardStreams.output(text + terminator)
  }

  /// States on standard error what was assumed.
  static func note(_ text: String) { line("note", text) }

  /// States on standard error what may spoil the result.
  static func warn(_ text: String) { line("warning", text) }

  /// States on standard error why a command ends, in one line.
  static func fail(_ text: String) { line("error", text) }

  private static func line(_ kind: String, _ text: String) {
    let words = text.split(whereSeparator: \.isNewline).joined(separator: " ")
    StandardStreams.error("flowir: \(kind): \(words)\n")
  }
}
