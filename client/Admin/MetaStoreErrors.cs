using Delos.Client.MetaStore;

namespace Delos.Client.Admin;

/// <summary>Turns the MetaStore's own exceptions into the library's.</summary>
internal static class MetaStoreErrors
{
    public static async ValueTask<T> MapAsync<T>(ValueTask<T> operation)
    {
        try
        {
            return await operation.ConfigureAwait(false);
        }
        catch (Exception e) when (e is MetaStoreUnavailableException or InvalidDataException)
        {
            throw Map(e);
        }
    }

    public static async ValueTask MapAsync(ValueTask operation)
    {
        try
        {
            await operation.ConfigureAwait(false);
        }
        catch (Exception e) when (e is MetaStoreUnavailableException or InvalidDataException)
        {
            throw Map(e);
        }
    }

    public static DelosException Map(Exception e) => new(e is InvalidDataException ? DelosErrorCode.Protocol : DelosErrorCode.Unavailable, e.Message, e);
}
