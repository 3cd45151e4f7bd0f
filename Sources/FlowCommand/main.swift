print("flowir")
