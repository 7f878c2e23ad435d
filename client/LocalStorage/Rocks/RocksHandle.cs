using System.Runtime.InteropServices;

namespace Delos.LocalStorage.Rocks;

/// <summary>
/// An object of the library, destroyed with its handle. One that uses others keeps them alive: a database that is closed under an open iterator would take the process with it. So it goes when nobody disposes of them, too, and the
/// collector finalizes them in any order.
/// </summary>
internal abstract class RocksHandle() : SafeHandle(0, ownsHandle: true)
{
    private readonly List<SafeHandle> _others = [];

    public override bool IsInvalid => handle == 0;

    protected abstract void Destroy();

    /// <summary>Makes the object; the others are held before, so that nobody destroys them in between, and destroyed after this one only.</summary>
    /// <param name="create">Gives the object, or throws.</param>
    /// <param name="others">What it uses.</param>
    protected void Make(Func<nint> create, params ReadOnlySpan<SafeHandle> others)
    {
        try
        {
            foreach (var other in others) DependOn(other);
            SetHandle(create());
        }
        finally
        {
            // What was never made is never released.
            if (IsInvalid) ReleaseOthers();
        }
    }

    /// <summary>From here on this object, which is there already, uses that one as well.</summary>
    protected void DependOn(SafeHandle other)
    {
        var added = false;
        other.DangerousAddRef(ref added);
        _others.Add(other);
    }

    protected sealed override bool ReleaseHandle()
    {
        Destroy();
        ReleaseOthers();
        return true;
    }

    private void ReleaseOthers()
    {
        for (var i = _others.Count - 1; i >= 0; i--) _others[i].DangerousRelease();
        _others.Clear();
    }
}
