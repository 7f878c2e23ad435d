using Delos.Client;
using Delos.Client.MetaStore;
using Delos.Daemon.Configuration;
using Delos.Protocol.Connections;
using Delos.Protocol.Tables;

namespace Delos.Daemon.Commands;

/// <summary>What the process tells its caller. Part of the command line's contract: values never change.</summary>
internal static class ExitCode
{
    public const int Ok = 0;
    public const int Failed = 1;
    public const int Usage = 2;

    /// <summary>The cluster works, but not with all its nodes or copies.</summary>
    public const int Degraded = 3;
    public const int Unreachable = 4;
    public const int NotFound = 5;
    public const int Conflict = 6;

    /// <summary>The one place where failures become exit codes.</summary>
    public static int From(Exception exception) => exception switch
    {
        CommandException command => command.Code,
        DelosException delos => From(delos.Code),
        TableException table => From(table.Status),
        ConfigException => Usage,
        MetaStoreUnavailableException or ConnectionLostException => Unreachable,
        _ => Failed,
    };

    public static int From(TableStatus status) => status switch
    {
        TableStatus.Ok => Ok,
        TableStatus.UnknownTable or TableStatus.UnknownColumn or TableStatus.UnknownIndex or TableStatus.NoSuchRow => NotFound,
        TableStatus.TableExists or TableStatus.ColumnExists or TableStatus.IndexExists or TableStatus.RowExists => Conflict,
        TableStatus.PreconditionFailed or TableStatus.UniqueViolation or TableStatus.Conflict or TableStatus.ColumnInUse => Conflict,
        TableStatus.Malformed or TableStatus.InvalidArgument or TableStatus.TypeMismatch or TableStatus.TooLarge => Usage,
        _ => Failed,
    };

    public static int From(DelosErrorCode code) => code switch
    {
        DelosErrorCode.Unavailable => Unreachable,
        DelosErrorCode.NotFound => NotFound,
        DelosErrorCode.AlreadyExists or DelosErrorCode.Conflict => Conflict,
        DelosErrorCode.InvalidRequest => Usage,
        _ => Failed,
    };
}

/// <summary>A command cannot do what it was asked; the message is for the operator and the code for the caller.</summary>
internal sealed class CommandException(int code, string message) : Exception(message)
{
    public int Code { get; } = code;
}
