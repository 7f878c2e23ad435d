using System.Runtime.InteropServices;

namespace Delos.LocalStorage.Rocks;

/// <summary>
/// An object of the library, destroyed with its handle. One that uses others keeps them alive: a database that is closed under an open iterator would take the process with it.
/// </summary>
internal abstract class RocksHandle() : SafeHandle(0, ownsHandle: true)
{
    private readonly List<SafeHandle> _others = [];

    public override bool IsInvalid => handle == 0;

    protected abstract void Destroy();

    /// <summary>The other object is destroyed after this one only.</summary>
    protected void DependOn(SafeHandle other)
    {
        var added = false;
        other.DangerousAddRef(ref added);
        _others.Add(other);
    }

    protected sealed override bool ReleaseHandle()
    {
        Destroy();
        for (var i = _others.Count - 1; i >= 0; i--) _others[i].DangerousRelease();
        return true;
    }
}
