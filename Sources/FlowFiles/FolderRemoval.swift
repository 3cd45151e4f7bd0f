import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Removes folders of intermediate files, such as those of a run that was killed.
package enum FolderRemoval {
  /// What a folder's name ends with while it is removed.
  static let suffix = ".removed"

  /// Removes a folder and all in it as far as it can.
  ///
  /// The folder is renamed first: a compiler that outlived its run goes on writing to the path that it
  /// was given, and could otherwise add a file after the others were removed.
  ///
  /// - Parameter last: the name of a file in the folder that is removed after all others.
  package static func remove(_ folder: String, last: String? = nil) {
    let renamed = folder + suffix
    let path = rename(folder, renamed) == 0 ? renamed : folder
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    for name in names where name != last {
      try? FileManager.default.removeItem(atPath: path + "/" + name)
    }
    if let last { unlink(path + "/" + last) }
    rmdir(path)
  }
}
