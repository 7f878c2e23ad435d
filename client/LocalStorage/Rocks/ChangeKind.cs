namespace Delos.LocalStorage.Rocks;

/// <summary>What can become of a key.</summary>
internal enum ChangeKind : byte
{
    /// <summary>Nothing is said of it.</summary>
    None,

    /// <summary>It has a value.</summary>
    Put,

    /// <summary>It has none.</summary>
    Deleted,
}
