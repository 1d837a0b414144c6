package blob

// TestStore is what every Store must do.
var TestStore = testStore
