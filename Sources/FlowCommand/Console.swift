import FlowFiles

/// Writes what a command has to say to people and to programs that read its output.
enum Console {
  /// Prints text on standard output.
  ///
  /// - Throws: `FileError.system` if it can't be written: lost output is a failure.
  static func print(_ text: String, terminator: String = "\n") throws(FileError) {
    try StandardStreams.output(text + terminator)
  }

  /// Writes a note to standard error: what the command assumed.
  static func note(_ text: String) { line("note", text) }

  /// Writes a warning to standard error: what may make the result useless.
  static func warn(_ text: String) { line("warning", text) }

  /// Writes to standard error, in one line, why the command failed.
  static func fail(_ text: String) { line("error", text) }

  private static func line(_ kind: String, _ text: String) {
    let words = text.split(whereSeparator: \.isNewline).joined(separator: " ")
    StandardStreams.error("flowir: \(kind): \(words)\n")
  }
}
